import { defineTable } from './sensor-table.js';

const weekdays = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** The time of the query, in UTC. */
export const time = defineTable({
  name: 'time',
  columns: {
    weekday: 'TEXT',
    year: 'INTEGER',
    month: 'INTEGER',
    day: 'INTEGER',
    hour: 'INTEGER',
    minutes: 'INTEGER',
    seconds: 'INTEGER',
    timezone: 'TEXT',
    local_timezone: 'TEXT',
    unix_time: 'INTEGER',
    timestamp: 'TEXT',
    datetime: 'TEXT',
    iso_8601: 'TEXT',
  },
  rows: () => [timeRow(new Date())],
});

/** The moment in osquery's many forms. */
export function timeRow(now: Date) {
  const two = (value: number) => String(value).padStart(2, '0');
  const [weekday, month, day] = [weekdays[now.getUTCDay()]!, months[now.getUTCMonth()]!, now.getUTCDate()];
  const clock = `${two(now.getUTCHours())}:${two(now.getUTCMinutes())}:${two(now.getUTCSeconds())}`;
  const iso = `${now.toISOString().slice(0, 19)}Z`;
  return {
    weekday,
    year: now.getUTCFullYear(),
    month: now.getUTCMonth() + 1,
    day,
    hour: now.getUTCHours(),
    minutes: now.getUTCMinutes(),
    seconds: now.getUTCSeconds(),
    timezone: 'UTC',
    local_timezone: localZone(now),
    unix_time: Math.floor(now.getTime() / 1000),
    timestamp: `${weekday.slice(0, 3)} ${month} ${String(day).padStart(2)} ${clock} ${now.getUTCFullYear()} UTC`,
    datetime: iso,
    iso_8601: iso,
  };
}

function localZone(now: Date): string {
  const parts = new Intl.DateTimeFormat('en-US', { timeZoneName: 'short' }).formatToParts(now);
  return parts.find(({ type }) => type === 'timeZoneName')?.value ?? 'UTC';
}
