/**
 * Headers of every answer. NiiVue draws with textures from `data:` and `blob:` addresses, and needs nothing else: no inline
 * script or style, no evaluation, no other host.
 */
export const securityHeaders: readonly (readonly [name: string, value: string])[] = [
  [
    "content-security-policy",
    [
      "default-src 'none'",
      "script-src 'self'",
      "style-src 'self'",
      "img-src 'self' data: blob:",
      "connect-src 'self'",
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
    ].join("; "),
  ],
  ["x-content-type-options", "nosniff"],
  ["referrer-policy", "no-referrer"],
  ["cross-origin-resource-policy", "same-origin"],
];
