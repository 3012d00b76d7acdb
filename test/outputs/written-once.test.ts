import { describe, expect, it } from 'vitest';
import { LineBuffer } from '../../src/outputs/line-buffer.js';
import { WrittenOnce } from '../../src/outputs/written-once.js';

describe('texts that are made once', () => {
  it('are those of their own values, each made once', () => {
    let made = 0;
    const texts = new WrittenOnce<{ name: string }>((line, { name }) => {
      made++;
      line.text(`<${name}>`);
    });
    const values = ['a', 'grün', 'b'].map((name) => ({ name }));
    const line = new LineBuffer();
    for (let round = 0; round < 3; round++) for (const value of values) texts.write(line, value);
    expect(line.toString()).toBe('<a><grün><b>'.repeat(3));
    expect(made).toBe(3);
  });

  it('stay what they are as more come, also where all have to be dropped for others', () => {
    const texts = new WrittenOnce<{ text: string }>((line, { text }) => line.text(text));
    const line = new LineBuffer();
    const write = (value: { text: string }): string => {
      line.length = 0;
      texts.write(line, value);
      return line.toString();
    };
    const few = Array.from({ length: 500 }, (_, i) => ({ text: `${i} ${'é'.repeat(i % 50)}` }));
    const large = Array.from({ length: 40 }, (_, i) => ({ text: String(i).repeat(500_000) }));
    const giant = { text: 'x'.repeat(20_000_000) };
    for (const value of [...few, ...few, ...large, giant, giant, ...few, ...large.slice(-3), ...few]) {
      expect(write(value) === value.text).toBe(true);
    }
  });
});
