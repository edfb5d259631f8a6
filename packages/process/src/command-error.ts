/** What a person at the command line did or asked for cannot be done; the message is all they need. */
export class CommandError extends Error {
  override readonly name = "CommandError";
  readonly code = "CommandFailed";
}
