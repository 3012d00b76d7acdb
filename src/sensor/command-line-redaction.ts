import { RE2JS } from 're2js';

/** What stands where a secret was. */
const REDACTED = '[redacted]';

/**
 * What is taken for a secret in a command line: the first group of a match, or all of it. Each runs in time linear in the text:
 * no repetition follows another that could match the same.
 */
const defaults: readonly RegExp[] = [
  // --db-password=x, -Dtoken=x, API_KEY=x, password: x
  /(?:password|passwd|passphrase|pwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|credentials?)(?:=|:\s?)("[^"]*"|'[^']*'|[^\s"']+)/gi,
  // --db-password x, -password x
  /(?:--[\w.-]{0,64}|\s-)(?:password|passwd|passphrase|pwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|credentials?)\s("[^"]*"|'[^']*'|[^\s"']+)/gi,
  // Authorization headers
  /authorization:\s?(?:basic|bearer|digest|negotiate)\s([^\s"']+)/gi,
  // scheme://user:password@host
  /\b[a-z][a-z0-9+.-]{0,20}:\/\/[^\s:@/]{0,256}:([^\s@/]+)@/gi,
  // sshpass -p x, mysql -px, curl -u user:x
  /\bsshpass\s+-p\s?(\S+)/gi,
  /\b(?:mysql|mysqldump|mariadb|mysqladmin)\s[^|;]{0,256}?\s?-p([^\s-]\S*)/gi,
  /\bcurl\s[^|;]{0,512}?(?:-u|--user)\s?[^\s:]{1,256}:(\S+)/gi,
  // Keys of known form: AWS, GitHub, Slack, JSON web tokens
  /\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/g,
  /\bgh[pousr]_[A-Za-z0-9]{36,255}\b/g,
  /\bxox[abprs]-[A-Za-z0-9-]{10,255}\b/g,
  /\beyJ[A-Za-z0-9_-]{8,4096}\.eyJ[A-Za-z0-9_-]{8,4096}\.[A-Za-z0-9_-]{8,4096}/g,
];

/** Text without any of these holds nothing that a default pattern finds. */
const hint =
  /pass|pwd|secret|token|key|credential|authorization|:\/\/|mysql|mariadb|curl|AKIA|ASIA|gh[pousr]_|xox|eyJ/i;

/** What a user adds to the default patterns, in RE2's syntax, and whether those are used at all. */
export interface RedactionPatterns {
  readonly patterns: readonly string[];
  readonly useDefaults: boolean;
}

/** Takes secrets out of command lines. Patterns of the user run in an engine of linear time, since any user of the host may choose the text. */
export class CommandLineRedaction {
  readonly #patterns: readonly RE2JS[];
  readonly #useDefaults: boolean;
  /** Secrets taken out. */
  redacted = 0;

  /** Throws RE2JS's error for a pattern that it does not understand. */
  constructor({ patterns, useDefaults }: RedactionPatterns) {
    this.#patterns = patterns.map((pattern) => RE2JS.compile(pattern));
    this.#useDefaults = useDefaults;
  }

  /** The command line without secrets. */
  clean(text: string): string {
    let clean = text;
    if (this.#useDefaults && hint.test(clean)) {
      for (const pattern of defaults) clean = clean.replace(pattern, (match, group) => this.#replace(match, group));
    }
    for (const pattern of this.#patterns) clean = this.#custom(pattern, clean);
    return clean;
  }

  #replace(match: string, group: unknown): string {
    this.redacted++;
    if (typeof group !== 'string') return REDACTED;
    const at = match.lastIndexOf(group);
    return `${match.slice(0, at)}${REDACTED}${match.slice(at + group.length)}`;
  }

  #custom(pattern: RE2JS, text: string): string {
    const matcher = pattern.matcher(text);
    const group = pattern.groupCount() > 0 ? 1 : 0;
    let out = '';
    let at = 0;
    while (matcher.find()) {
      const start = matcher.start(group);
      const end = matcher.end(group);
      if (start < at || end <= start) continue;
      out += text.slice(at, start) + REDACTED;
      at = end;
      this.redacted++;
    }
    return out + text.slice(at);
  }
}
