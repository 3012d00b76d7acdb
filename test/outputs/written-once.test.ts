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
});
