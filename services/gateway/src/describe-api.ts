import swagger from '@fastify/swagger';
import type { FastifyInstance } from 'fastify';
import { jsonSchemaTransform } from 'fastify-type-provider-zod';

/** Serves `/openapi.json`, generated from the schemas that the routes validate with. Has to be called before the routes. */
export const describeApi = async (app: FastifyInstance): Promise<void> => {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Vault Engine',
        version: '1',
        description:
          'The vault over HTTP, for callers without Kafka. Every request is a command in the name of the engine whose credential it has. Times are Unix seconds.',
      },
      components: {
        securitySchemes: {
          engine: { type: 'apiKey', in: 'header', name: 'X-Engine-ID', description: "The engine's id" },
          key: { type: 'apiKey', in: 'header', name: 'X-Engine-Key', description: 'Its credential for HTTP, vek1.…' },
        },
      },
      security: [{ engine: [], key: [] }],
    },
    transform: jsonSchemaTransform,
  });
  app.get('/openapi.json', { schema: { hide: true } }, () => app.swagger());
};
