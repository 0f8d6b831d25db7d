/** The planners of nnU-Net v1 that plan for volumes and for slices. */
export const plannersV1 = ["ExperimentPlanner3D_v21", "ExperimentPlanner2D_v21"] as const;
export type PlannerNameV1 = (typeof plannersV1)[number];
