const TIMEOUT_MS = 2_000;

/**
 * Asks a service's `/readyz`. Null: ready. Else the parts of the service that are not ready, with their reasons, for example
 * `not ready: storage (ECONNREFUSED)`.
 */
export const unreadyParts = async (url: string): Promise<string | null> => {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    const report = (await response.json()) as Report; // our own service: HealthReport of libs/runtime
    return response.ok ? null : `not ready: ${partsIn(report)}`;
  } catch {
    return 'does not answer';
  }
};

interface Report {
  readonly stopping: boolean;
  readonly parts: Readonly<Record<string, { readonly state: string; readonly reason?: string }>>;
}

const partsIn = ({ stopping, parts }: Report): string => {
  const waiting = Object.entries(parts)
    .filter(([, { state }]) => state !== 'ready')
    .map(([name, { reason }]) => (reason === undefined ? name : `${name} (${reason})`));
  return waiting.join(', ') || (stopping ? 'stopping' : 'starting');
};
