import type { ConnectionRecord } from '../model.ts';
import type { ConnectionChange } from '../ports.ts';
import { type ConnectionView, status, statusText } from '../status.ts';

/**
 * What is told of a connection that has become `after`: null where everybody knows already how it stands. New credentials
 * are always told.
 */
export const eventOf = (
  before: Pick<ConnectionRecord, 'lastPublishedStatus' | 'tokenVersion'>,
  after: ConnectionRecord,
  now: number,
): { readonly change: ConnectionChange; readonly view: ConnectionView } | null => {
  const view = status(after, now);
  const expired = before.lastPublishedStatus.startsWith('EXPIRED/');
  if (before.tokenVersion !== after.tokenVersion)
    return { change: expired && view.status === 'CONNECTED' ? 'RECOVERED' : 'RENEWED', view };
  // A row of before there was such a field has told nobody, and stood well.
  if (
    before.lastPublishedStatus === statusText(view) ||
    (before.lastPublishedStatus === '' && view.status === 'CONNECTED')
  )
    return null;
  return { change: turnedTo(view, before.lastPublishedStatus), view };
};

/** That the user is to be asked is told once, whatever else happens until the end. */
const turnedTo = (view: ConnectionView, lastPublishedStatus: string): ConnectionChange => {
  if (view.status === 'EXPIRED') return 'EXPIRED';
  if (lastPublishedStatus.startsWith('EXPIRED/')) return 'RECOVERED';
  return view.action === 'REAUTH' && !lastPublishedStatus.startsWith('CONNECTED/REAUTH/') ? 'LAPSING' : 'FAILING';
};
