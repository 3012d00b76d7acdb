import type { Columns } from '../records/host-tables.js';

/** The users of /etc/passwd (passwd(5)). Users that only a directory service knows are not there. */
export function parsePasswd(text: string): Columns<'users'>[] {
  const users: Columns<'users'>[] = [];
  for (const line of text.split('\n')) {
    const [username, , uidText, gidText, description, directory, shell] = line.split(':');
    const uid = Number(uidText);
    const gid = Number(gidText);
    if (!username || !uidText || !gidText || !Number.isSafeInteger(uid) || !Number.isSafeInteger(gid)) continue;
    users.push({
      uid,
      gid,
      uid_signed: uid | 0,
      gid_signed: gid | 0,
      username,
      ...(description ? { description } : {}),
      ...(directory ? { directory } : {}),
      ...(shell ? { shell } : {}),
    });
  }
  return users;
}
