// Flags of gcc and clang that every native part is compiled with, and those for a build with the sanitizers.

export const warnings = ['-Wall', '-Wextra', '-Werror'];

export const sanitizeFlags = [
  '-O1',
  '-g',
  '-fno-omit-frame-pointer',
  '-fsanitize=address,undefined',
  '-fno-sanitize-recover=undefined',
];
