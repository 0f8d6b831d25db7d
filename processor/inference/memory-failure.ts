/** Whether a failure tells of too little memory, in the words of ONNX Runtime's allocators, CUDA, its libraries and C++. */
export const tellsOfMemory = (message: string): boolean =>
  /out[ _]of[ _]memory|failed to allocate|available memory of \d+ is smaller|alloc(?:ation)?[ _]failed|bad_alloc/i.test(
    message,
  );
