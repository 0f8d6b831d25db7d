/** nnU-Net's normalisations by channel name; any other name stands for ZScoreNormalization. */
const schemes: ReadonlyMap<string, string> = new Map([
  ["ct", "CTNormalization"],
  ["nonorm", "NoNormalization"],
  ["zscore", "ZScoreNormalization"],
  ["rescale_to_0_1", "RescaleTo01Normalization"],
  ["rgb_to_0_1", "RGBTo01Normalization"],
]);

/** Returns the normalisation of a channel with this name. Upper and lower case are the same. */
export const schemeOf = (channelName: string): string =>
  schemes.get(channelName.toLowerCase()) ?? "ZScoreNormalization";

/** Images of which cropping removes more than this share are normalised within the non-zero region. */
const mostRemaining = 0.75;

/** Returns, for each channel, whether it is normalised only within the non-zero region. */
export const masksOf = (channelNames: readonly string[], medianRelativeSize: number): readonly boolean[] =>
  channelNames.map((name) => schemeOf(name) === "ZScoreNormalization" && medianRelativeSize < mostRemaining);
