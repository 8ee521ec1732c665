/** The replacements that this module installed. */
const replacements = new WeakSet<object>();

/**
 * Replaces a method of a kafkajs object or prototype. Idempotent: a method that was replaced here stays as it is.
 *
 * @param replace builds the replacement from the original method
 * @throws where kafkajs has no such method
 */
export function patchMethod<Target extends object, Name extends keyof Target>(
  target: Target,
  name: Name,
  replace: (original: Target[Name]) => Target[Name] & object,
): void {
  const original: unknown = target[name];
  if (typeof original !== 'function') throw new Error(`kafkajs has changed: method ${String(name)} is missing`);
  if (replacements.has(original)) return;
  const replacement = replace(target[name]);
  target[name] = replacement;
  replacements.add(replacement);
}
