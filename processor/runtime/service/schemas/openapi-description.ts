import type { FastifyDynamicSwaggerOptions } from "@fastify/swagger";

/** How `/openapi.json` is made from the schemas of the routes. */
export const description: FastifyDynamicSwaggerOptions = {
  openapi: {
    openapi: "3.1.0",
    info: {
      title: "nnunet-processor",
      version: "1",
      description: "Segments medical images with nnU-Net models.",
    },
    components: { securitySchemes: { token: { type: "http", scheme: "bearer" } } },
  },
  transform: ({ schema, url, route }) => ({
    schema: {
      ...(schema as object | undefined),
      ...(route.config?.scope === undefined ? {} : { security: [{}, { token: [] }] }),
    },
    url,
  }),
};
