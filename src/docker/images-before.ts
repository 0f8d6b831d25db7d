import { splitTag } from "../ground/image-name.js";
import type { Engine } from "./engine.js";
import { isGone, isInUse } from "./engine-error.js";
import { findImage } from "./find-image.js";

/** A record of an engine's images before a load, which silently reassigns names from other images. */
export class ImagesBefore {
  readonly #engine: Engine;
  readonly #ids: ReadonlySet<string>;
  readonly #idsByName: ReadonlyMap<string, string | null>;

  private constructor(
    engine: Engine,
    ids: ReadonlySet<string>,
    idsByName: ReadonlyMap<string, string | null>,
  ) {
    this.#engine = engine;
    this.#ids = ids;
    this.#idsByName = idsByName;
  }

  /** Records the images that the names refer to. */
  static async of(engine: Engine, names: readonly string[]): Promise<ImagesBefore> {
    const images = await engine.docker.listImages({ all: true });
    const idsByName = new Map<string, string | null>();
    for (const name of names) idsByName.set(name, await idOf(engine, name));
    return new ImagesBefore(engine, new Set(images.map(({ Id }) => Id)), idsByName);
  }

  /** Restores the names that referred to another image, and removes the images that were added since. */
  async restore(loaded: string | null = null): Promise<void> {
    const engine = this.#engine;
    const newIds = new Set([loaded === null ? null : await idOf(engine, loaded)]);
    for (const [name, idBefore] of this.#idsByName) {
      const now = await idOf(engine, name);
      if (now === idBefore) continue;
      newIds.add(now);
      if (idBefore === null) await removeImage(engine, name);
      else await tagImage(engine, idBefore, name);
    }
    for (const id of newIds) if (id !== null && !this.#ids.has(id)) await removeImage(engine, id);
  }
}

const idOf = async (engine: Engine, name: string): Promise<string | null> =>
  (await findImage(engine, name))?.imageId ?? null;

async function tagImage({ docker }: Engine, imageId: string, name: string): Promise<void> {
  const { name: repo, tag } = splitTag(name);
  await docker.getImage(imageId).tag({ repo, tag: tag ?? "latest" });
}

/** Removes an image, except if something else uses it now. */
async function removeImage({ docker }: Engine, reference: string): Promise<void> {
  await docker
    .getImage(reference)
    .remove()
    .catch((error: unknown) => {
      if (!isGone(error) && !isInUse(error)) throw error;
    });
}
