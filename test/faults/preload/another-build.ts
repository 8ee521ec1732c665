import { registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';

/**
 * Loaded before a service (`--import <this file>?build=newer`): makes it the service of another build, whose schemas are an
 * earlier or a later version of ours. All else in it is our code, as it would be in a rolling deployment of two versions
 * that differ in their schemas alone.
 */
const build = new URL(import.meta.url).searchParams.get('build');
if (build !== 'older' && build !== 'newer') throw new Error('build is older or newer');

const SCHEMAS_FILE = new URL('../../../libs/contracts/src/generated/schemas.ts', import.meta.url).href;
const OTHER_SCHEMAS = new URL('../other-schemas.ts', import.meta.url).href;
const DECLARATION = 'export const SCHEMAS:';

registerHooks({
  load: (url, context, nextLoad) => {
    const loaded = nextLoad(url, context);
    if (url !== SCHEMAS_FILE) return loaded;
    const source = String(loaded.source);
    if (!source.includes(DECLARATION)) throw new Error(`${fileURLToPath(url)} declares its schemas otherwise`);
    return {
      ...loaded,
      source: `import { schemasOf } from '${OTHER_SCHEMAS}';
${source.replace(DECLARATION, 'const OURS:')}
export const SCHEMAS = schemasOf('${build}', OURS);`,
    };
  },
});
