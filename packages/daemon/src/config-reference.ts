import { z } from "zod";

interface SchemaNode {
  /** Ours (`.meta({ kind })`): what a person writes, where the JSON type says too little. */
  readonly kind?: string;
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly default?: unknown;
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  /** Of a map whose keys the operator names: what stands under each. False where the object is strict. */
  readonly additionalProperties?: SchemaNode | false;
  readonly items?: SchemaNode;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
}

/** Stands for a key that the operator names. */
const ANY_NAME = "NAME";

/** One setting as the reference page and the example show it. */
export interface ConfigKey {
  /** With `NAME` where the operator names the key. */
  readonly path: string;
  readonly kind: string;
  readonly fallback: string;
  readonly meaning: string;
}

/**
 * Lists every key of a settings schema, in its order.
 *
 * @param schema the strict schema; every leaf must carry a description
 */
export function configKeys(schema: z.ZodType): ConfigKey[] {
  const root = z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }) as SchemaNode;
  return keysBelow(root, "");
}

/**
 * Prints the reference page of a settings file: a table of every key, its kind, default and meaning.
 *
 * @param title heading of the page
 * @param schema the strict schema
 */
export function configReference(title: string, schema: z.ZodType): string {
  const rows = configKeys(schema).map(
    (key) => `| \`${key.path}\` | ${key.kind} | ${code(key.fallback)} | ${key.meaning} |`,
  );
  return [
    `# ${title}`,
    "",
    "| key | kind | default | meaning |",
    "|---|---|---|---|",
    ...rows,
    "",
  ].join("\n");
}

/**
 * Prints a full example file: every key with its default, commented out by "# ", its meaning above it behind "##".
 * With every "# " taken away it is a file of all defaults; a key without a default stays commented by its "##".
 *
 * @param schema the strict schema
 */
export function configExample(schema: z.ZodType): string {
  const lines: string[] = [];
  let open: string[] = [];
  const keys = configKeys(schema);
  for (const key of keys) {
    const parts = key.path.split(".");
    const groups = parts.slice(0, -1);
    for (const [depth, group] of groups.entries()) {
      if (open[depth] === group) continue;
      const prefix = `${groups.slice(0, depth + 1).join(".")}.`;
      // One in which nothing is set would be empty: no mapping at all.
      const isSet = keys.some((one) => one.path.startsWith(prefix) && isInDefaults(one));
      lines.push("", `${"  ".repeat(depth)}${isSet ? "#" : "##"} ${group}:`);
    }
    open = groups;
    const indent = "  ".repeat(groups.length);
    lines.push(`${indent}## ${key.meaning}`);
    const name = parts.at(-1) ?? "";
    const value = key.fallback === "" ? "(not set)" : key.fallback;
    lines.push(`${indent}${isInDefaults(key) ? "#" : "##"} ${name}: ${value}`);
  }
  return `${lines.join("\n").trim()}\n`;
}

/** What stands under a name of the operator's own has a default only once there is such a name. */
function isInDefaults({ path, fallback }: ConfigKey): boolean {
  return fallback !== "" && !path.split(".").includes(ANY_NAME);
}

function keysBelow(node: SchemaNode, prefix: string): ConfigKey[] {
  return Object.entries(node.properties ?? {}).flatMap(([name, child]) => {
    const path = prefix === "" ? name : `${prefix}.${name}`;
    if (child.properties !== undefined) return keysBelow(child, path);
    const { additionalProperties: each } = child;
    if (typeof each === "object" && each.properties !== undefined) {
      return keysBelow(each, `${path}.${ANY_NAME}`);
    }
    return [
      { path, kind: kindOf(child), fallback: fallbackOf(child), meaning: meaningOf(path, child) },
    ];
  });
}

function meaningOf(path: string, node: SchemaNode): string {
  if (node.description === undefined) throw new Error(`the setting ${path} has no description`);
  return node.description;
}

function kindOf(node: SchemaNode): string {
  if (node.kind !== undefined) return node.kind;
  if (node.enum !== undefined) return node.enum.map((value) => `\`${String(value)}\``).join(", ");
  if (node.type === "array") return `list of ${node.items?.type?.toString() ?? "values"}`;
  const hasRange = node.minimum !== undefined && node.maximum !== undefined;
  return hasRange
    ? `${String(node.type)} ${node.minimum}..${node.maximum}`
    : String(node.type ?? "value");
}

function fallbackOf(node: SchemaNode): string {
  return node.default === undefined ? "" : JSON.stringify(node.default);
}

function code(text: string): string {
  return text === "" ? "" : `\`${text}\``;
}
