/**
 * Returns whether a message is about too little memory, in the words of ONNX Runtime's allocators, CUDA, its libraries
 * and C++.
 */
export const mentionsMemory = (message: string): boolean =>
  /out[ _]of[ _]memory|failed to allocate|available memory of \d+ is smaller|alloc(?:ation)?[ _]failed|bad_alloc/i.test(
    message,
  );

/**
 * Returns whether a failed run may succeed with fewer windows. For a convolution that is too large, cuDNN finds no plan
 * and may report this in many ways.
 */
export const mayRunWithFewerWindows = (message: string): boolean =>
  mentionsMemory(message) || /\bCUDNN(?:_FE)? failure\b/.test(message);
