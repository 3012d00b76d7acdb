import { RE2JS } from 're2js';
import { messageOf } from '../../core/errors.js';

export interface RegexFlags {
  readonly ignoreCase: boolean;
  readonly multiline: boolean;
  readonly dotAll: boolean;
}

/** Why a regular expression was not taken. */
export interface RegexRefusal {
  readonly refused: 'malformed' | 'unsupported';
  readonly reason: string;
}

/** Messages of the engine for what other engines would take: lookahead, backreferences, possessive and huge repeats. */
const beyondLinearTime =
  /Perl syntax|escape sequence|nested repetition|repeat count|too large|too deeply|lookbehind|named capture/;

/**
 * Compiles for an unanchored search in time linear in the text, whatever the expression. Case-sensitive unless told.
 */
export function compileRegex(source: string, flags: RegexFlags): ((text: string) => boolean) | RegexRefusal {
  const bits =
    (flags.ignoreCase ? RE2JS.CASE_INSENSITIVE : 0) |
    (flags.multiline ? RE2JS.MULTILINE : 0) |
    (flags.dotAll ? RE2JS.DOTALL : 0) |
    RE2JS.LOOKBEHINDS;
  try {
    const regex = RE2JS.compile(source, bits);
    return (text) => regex.test(text);
  } catch (error) {
    const message = messageOf(error);
    return beyondLinearTime.test(message)
      ? { refused: 'unsupported', reason: `the regular expression has no linear-time form: ${message}` }
      : { refused: 'malformed', reason: `the regular expression does not compile: ${message}` };
  }
}
