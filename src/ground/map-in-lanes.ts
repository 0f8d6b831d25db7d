/**
 * Maps items with a few calls at a time: waiting for one file after the other takes most of the time of many small files, and
 * opening all at once could exceed the system's limit.
 *
 * @param lanes how many calls run at a time
 * @returns the results in the order of the items
 */
export async function mapInLanes<Item, Result>(
  items: readonly Item[],
  lanes: number,
  work: (item: Item) => Promise<Result>,
): Promise<readonly Result[]> {
  const results: Result[] = new Array(items.length);
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let index = next++; index < items.length; index = next++) results[index] = await work(items[index]!);
  };
  await Promise.all(Array.from({ length: Math.min(lanes, items.length) }, lane));
  return results;
}
