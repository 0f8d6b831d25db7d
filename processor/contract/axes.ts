/** Values with the slowest axis first, as voxels are stored in memory (numpy's order for an ITK image). */
export type Zyx<T = number> = readonly [z: T, y: T, x: T];

/** Values with the fastest axis first, as ITK, NIfTI and DICOM write them. */
export type Xyz<T = number> = readonly [x: T, y: T, z: T];
