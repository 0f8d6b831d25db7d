export const lockFileName = "processor.lock.json";
