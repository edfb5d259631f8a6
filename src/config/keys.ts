// Gives every value of a file a key of its own.
//
// A key that only one asks for is never taken away from it, wherever it stands: consumers know it. Of several that ask for
// the same, the first keeps it and the later ones get ` (2)`, ` (3)`, ... The elements of an array (`key[1]`, ...) and these
// numbers come last, when all plain keys are given out. So the result depends on nothing but the file, and adding a value
// at its end changes no key before it, unless the new one asks for a key that was an invention.

export interface KeyRequest {
  readonly key: string;
  /** Values to name: the first is `key`, the others `key[1]` to `key[count - 1]`. */
  readonly count: number;
}

/** For each request its `count` keys, all distinct from each other and from the reserved ones. */
export function distinctKeys(
  requests: readonly KeyRequest[],
  reserved: Iterable<string>,
): readonly (readonly string[])[] {
  const taken = new Set(reserved);
  const nextNumbers = new Map<string, number>();

  const claim = (key: string): string => {
    let free = key;
    let number = nextNumbers.get(key) ?? 2;
    for (; taken.has(free); number += 1) free = `${key} (${number})`;
    nextNumbers.set(key, number);
    taken.add(free);
    return free;
  };

  const firsts = requests.map(({ key }) => {
    if (taken.has(key)) return undefined;
    taken.add(key);
    return key;
  });
  const bases = requests.map(({ key }, index) => firsts[index] ?? claim(key));
  return requests.map(({ count }, index) => {
    const base = bases[index] ?? "";
    const keys = [base];
    for (let element = 1; element < count; element += 1) keys.push(claim(`${base}[${element}]`));
    return keys;
  });
}
