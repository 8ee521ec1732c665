const STANDARD = 8700;

/** The first of the ports that the services take: `VAULT_FIRST_PORT`, 8700 where nothing is said. */
export const readFirstPort = (environment: NodeJS.ProcessEnv): number => {
  const value = environment['VAULT_FIRST_PORT'];
  if (value === undefined || value === '') return STANDARD;
  const port = Number(value);
  if (Number.isInteger(port) && port > 0 && port < 65_500) return port;
  throw new Error(`VAULT_FIRST_PORT is "${value}": it is a port number`);
};
