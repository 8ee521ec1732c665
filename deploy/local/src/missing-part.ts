/** Something that this machine lacks or refuses, in one line that says what to do about it. */
export class MissingPart extends Error {
  override readonly name = 'MissingPart';
}
