/** Slowest axis first, as voxels lie in memory (numpy's order for an ITK image). */
export type Zyx<T = number> = readonly [z: T, y: T, x: T];

/** Fastest axis first, as ITK, NIfTI and DICOM write it. */
export type Xyz<T = number> = readonly [x: T, y: T, z: T];
