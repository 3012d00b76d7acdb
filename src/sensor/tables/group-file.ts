/** A line of /etc/group (group(5)). */
export interface GroupLine {
  readonly name: string;
  readonly gid: number;
  readonly members: readonly string[];
}

/** The groups of a text in the form of /etc/group; lines of another form are left out. */
export function parseGroups(text: string): GroupLine[] {
  const groups: GroupLine[] = [];
  for (const line of text.split('\n')) {
    const [name, , gidText, members = ''] = line.split(':');
    const gid = Number(gidText);
    if (!name || !gidText || !Number.isSafeInteger(gid)) continue;
    groups.push({ name, gid, members: members.split(',').filter((member) => member !== '') });
  }
  return groups;
}
