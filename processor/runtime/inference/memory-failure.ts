/** Whether a failure tells of too little memory, in the words of ONNX Runtime's allocators, CUDA, its libraries and C++. */
export const mentionsMemory = (message: string): boolean =>
  /out[ _]of[ _]memory|failed to allocate|available memory of \d+ is smaller|alloc(?:ation)?[ _]failed|bad_alloc/i.test(
    message,
  );

/** Whether fewer windows at once may do what failed: cuDNN finds no plan for too large a convolution, in any of its words. */
export const mayRunWithFewerWindows = (message: string): boolean =>
  mentionsMemory(message) || /\bCUDNN(?:_FE)? failure\b/.test(message);
