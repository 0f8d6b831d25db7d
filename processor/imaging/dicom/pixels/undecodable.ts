/** The reason why the pixels of an image can't be decoded. */
export class Undecodable extends Error {
  override readonly name = "Undecodable";
}
