/** A level of the tree of objects. */
export type QueryLevel = "study" | "series" | "instance";

/** The attributes of each level that answers to queries contain (PS3.18, tables 10.6.3-3 to 10.6.3-5). */
export const levelTags: Readonly<Record<QueryLevel, readonly number[]>> = {
  study: [
    ...[0x00080020, 0x00080030, 0x00080050, 0x00080090, 0x00080201, 0x00081030],
    ...[0x00100010, 0x00100020, 0x00100030, 0x00100040, 0x0020000d, 0x00200010],
  ],
  series: [
    ...[0x00080021, 0x00080031, 0x00080060, 0x0008103e, 0x00180015, 0x0020000e, 0x00200011],
    ...[0x00200052, 0x00400244, 0x00400245],
  ],
  instance: [
    ...[0x00080016, 0x00080018, 0x00200013, 0x00280008, 0x00280010, 0x00280011, 0x00280100],
    ...[0x00080008, 0x00080023, 0x00080033, 0x00201209],
  ],
};

export const queryTags: ReadonlySet<number> = new Set(Object.values(levelTags).flat());
