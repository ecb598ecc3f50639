// How an item is written. Its name says when it is due and in what order it comes; its data begins with a line of JSON
// about the item and goes on with what was put.

export interface ItemName {
  readonly name: string;
  /** 0 to 999; smaller ones come first. */
  readonly priority: number;
  /** Milliseconds since 1970 by the servers' clock; 0 for at once. */
  readonly due: number;
  readonly sequence: number;
}

export interface Envelope {
  /** How often it was handed out. */
  readonly attempts: number;
  /** Key that keeps equal items out as long as this one is there. */
  readonly key: string | null;
  readonly payload: Uint8Array;
}

const priorityDigits = 3;
const dueDigits = 13;
const pattern = /^_c_[0-9a-f-]{36}-(\d{3})-(\d{13})-(\d{10}|-\d{9,10})$/;
const newline = 10;

export const isPriority = (value: unknown): boolean =>
  Number.isInteger(value) && Number(value) >= 0 && Number(value) <= 999;

/** What comes between the mark of an attempt and the number of the server. */
export function itemBase(priority: number, due: number): string {
  return `${String(priority).padStart(priorityDigits, '0')}-${String(Math.ceil(due)).padStart(dueDigits, '0')}-`;
}

/** Null for a name that no queue gave. */
export function parseItem(name: string): ItemName | null {
  const match = pattern.exec(name);
  if (match === null) return null;
  return { name, priority: Number(match[1]), due: Number(match[2]), sequence: Number(match[3]) | 0 };
}

/** Negative when `a` comes first, of two that are due. */
export const compareItems = (a: ItemName, b: ItemName): number =>
  a.priority - b.priority || (a.sequence - b.sequence) | 0;

export function encodeEnvelope({ attempts, key, payload }: Envelope): Uint8Array {
  const head = new TextEncoder().encode(JSON.stringify(key === null ? { attempts } : { attempts, key }));
  const bytes = new Uint8Array(head.length + 1 + payload.length);
  bytes.set(head);
  bytes[head.length] = newline;
  bytes.set(payload, head.length + 1);
  return bytes;
}

/** What has no such head was overwritten by somebody else: all of it is payload then, so that it ends as other bad items. */
export function decodeEnvelope(data: Uint8Array): Envelope {
  const end = data.indexOf(newline);
  try {
    const head = JSON.parse(new TextDecoder().decode(data.subarray(0, end))) as Partial<Envelope>;
    if (Number.isInteger(head.attempts)) {
      return { attempts: head.attempts!, key: head.key ?? null, payload: data.subarray(end + 1) };
    }
  } catch {
    // No JSON.
  }
  return { attempts: 0, key: null, payload: data };
}

/** Node that stands for a key: any text becomes a name. */
export const keyName = (key: string): string => `k-${encodeURIComponent(key)}`;
