/**
 * What must never stand in a log line, by its looks: credentials of engines, JSON Web Tokens, `Bearer …`, values named
 * like a token or a password, and any unbroken run of 40 characters that base64 could have made.
 */
const SECRET_LOOKING = [
  /\bvek1\.[^\s"']*/g,
  /\beyJ[A-Za-z0-9_-]*(\.[A-Za-z0-9_-]*)*/g,
  /\b(Bearer|Basic)\s+[^\s"',]+/gi,
  /\b(access_token|refresh_token|id_token|token|client_secret|secret|password)["']?\s*[:=]\s*["']?[^\s"',;&}]+/gi,
  /\/\/[^\s/@"']*:[^\s/@"']*@/g,
  /[A-Za-z0-9+_=-]{40,}/g,
] as const;

/** A UUID is 36 characters; text beyond this limit is cut, since nothing that is logged on purpose is that long. */
const LONGEST = 512;

/**
 * The backstop of the log: `value` with everything that looks like a secret masked, cut to 512 characters. What keeps
 * secrets out is that nobody logs them; this only narrows what a mistake gives away.
 */
export const mask = (value: string): string =>
  SECRET_LOOKING.reduce((masked, pattern) => masked.replace(pattern, '[masked]'), value.slice(0, LONGEST));
