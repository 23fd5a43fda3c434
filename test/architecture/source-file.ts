import { posix } from "node:path";
import {
  SyntaxKind,
  type Node,
  type SourceFile as SyntaxTree,
  type Statement,
} from "typescript/unstable/ast";
import {
  isCallExpression,
  isExportDeclaration,
  isIdentifier,
  isImportDeclaration,
  isLiteralTypeNode,
  isNewExpression,
  isNoSubstitutionTemplateLiteral,
  isPropertyAccessExpression,
  isStringLiteral,
  isVariableStatement,
} from "typescript/unstable/ast/is";
import { API, type Program } from "typescript/unstable/sync";

/** Something in a file, and the line (from 1) where it stands. */
export interface Mention {
  readonly text: string;
  readonly line: number;
}

/** One module specifier; `text` is the specifier itself. */
export interface Import extends Mention {
  /** `static`: import or export declaration; `type`: the same with `type`, or `import("x").T`; `dynamic`: `await import("x")`. */
  readonly kind: "static" | "type" | "dynamic";
}

/** What the rules need to know of one TypeScript file. Found by the compiler's own parser, so that no comment or string can fool a rule. */
export interface SourceFile {
  /** From the root of the repository, with `/`. */
  readonly path: string;
  readonly imports: readonly Import[];
  /** `import(expression)` and `require`, which no rule can follow. */
  readonly opaqueImports: readonly Mention[];
  /** `a.b` wherever `a` is a bare name, and `new A()` where a constructor gets no arguments. */
  readonly members: readonly Mention[];
  readonly strings: readonly Mention[];
  /** Declarations marked `export` without a documentation comment. */
  readonly undocumentedExports: readonly Mention[];
  /** Statements that are neither `export … from` nor empty. */
  readonly ownStatements: readonly Mention[];
  readonly syntaxErrors: readonly Mention[];
  /** Lines that are neither blank nor comment. */
  readonly codeLines: number;
}

const ROOT = "/house";
const CONFIG = `${ROOT}/tsconfig.json`;

/**
 * Parses every `.ts` among the given texts.
 *
 * @param texts path from the root of the repository to content
 */
export function parseSourceFiles(texts: ReadonlyMap<string, string>): SourceFile[] {
  const paths = [...texts.keys()].filter((path) => path.endsWith(".ts"));
  const files = new Map(paths.map((path) => [`${ROOT}/${path}`, texts.get(path) ?? ""]));
  files.set(CONFIG, compilerConfig(paths));
  const folders = new Set([...files.keys()].flatMap(parentFolders));
  const api = new API({
    cwd: ROOT,
    fs: {
      readFile: (path) => files.get(path) ?? null,
      fileExists: (path) => files.has(path),
      directoryExists: (path) => folders.has(path),
      getAccessibleEntries: () => ({ files: [], directories: [] }),
      realpath: (path) => path,
    },
  });
  try {
    const program = api.updateSnapshot({ openProjects: [CONFIG] }).getProject(CONFIG)?.program;
    if (program === undefined) throw new Error("the compiler opened no project");
    return paths.map((path) => readSource(program, path));
  } finally {
    api.close();
  }
}

/** Nothing is resolved or loaded: the rules look at what is written, not at what it means. */
function compilerConfig(files: readonly string[]): string {
  const compilerOptions = {
    noLib: true,
    noResolve: true,
    noEmit: true,
    types: [],
    module: "nodenext",
    allowImportingTsExtensions: true,
  };
  return JSON.stringify({ compilerOptions, files });
}

function parentFolders(path: string): string[] {
  const parent = posix.dirname(path);
  return parent === path ? [] : [parent, ...parentFolders(parent)];
}

function readSource(program: Program, path: string): SourceFile {
  const tree = program.getSourceFile(`${ROOT}/${path}`);
  if (tree === undefined) throw new Error(`${path} was not parsed`);
  const opaqueImports: Mention[] = [];
  const members: Mention[] = [];
  const strings: Mention[] = [];
  const visit = (node: Node): void => {
    const mention = (list: Mention[], text: string | undefined): void => {
      if (text !== undefined) list.push(at(tree, node.end, text));
    };
    mention(opaqueImports, opaqueImport(node));
    mention(members, memberText(node));
    mention(strings, stringText(node));
    node.forEachChild(visit);
  };
  visit(tree);
  const errors = program.getSyntacticDiagnostics(`${ROOT}/${path}`);
  return {
    path,
    syntaxErrors: errors.map(({ text, pos }) => at(tree, pos, text)),
    imports: tree.imports.map((node) => ({
      kind: importKind(node.parent),
      ...at(tree, node.end, stringText(node) ?? ""),
    })),
    opaqueImports,
    members,
    strings,
    undocumentedExports: undocumentedExports(tree),
    ownStatements: tree.statements
      .filter((node) => !(isExportDeclaration(node) && node.moduleSpecifier !== undefined))
      .map((node) => at(tree, node.end, node.getText().split("\n")[0] ?? "")),
    codeLines: tree.text.split("\n").filter((line) => !NO_CODE.test(line)).length,
  };
}

/** Blank, or nothing but a comment or a part of one. */
const NO_CODE = /^\s*(?:\/\/|\/?\*|\*\/|$)/;

function at(tree: SyntaxTree, position: number, text: string): Mention {
  return { text, line: tree.getLineAndCharacterOfPosition(position).line + 1 };
}

function importKind(parent: Node): Import["kind"] {
  if (isCallExpression(parent)) return "dynamic";
  if (isLiteralTypeNode(parent)) return "type";
  const typeOnly =
    (isImportDeclaration(parent) &&
      parent.importClause?.phaseModifier === SyntaxKind.TypeKeyword) ||
    (isExportDeclaration(parent) && parent.isTypeOnly);
  return typeOnly ? "type" : "static";
}

function stringText(node: Node): string | undefined {
  return isStringLiteral(node) || isNoSubstitutionTemplateLiteral(node) ? node.text : undefined;
}

function memberText(node: Node): string | undefined {
  if (isPropertyAccessExpression(node) && isIdentifier(node.expression)) {
    return `${node.expression.text}.${node.name.text}`;
  }
  const bare = isNewExpression(node) && (node.arguments?.length ?? 0) === 0;
  return bare && isIdentifier(node.expression) ? `new ${node.expression.text}()` : undefined;
}

function opaqueImport(node: Node): string | undefined {
  if (!isCallExpression(node)) return undefined;
  const { expression } = node;
  if (isIdentifier(expression) && LOADERS.has(expression.text)) return expression.text;
  const [argument] = node.arguments;
  const computed = argument === undefined || stringText(argument) === undefined;
  return expression.kind === SyntaxKind.ImportKeyword && computed ? "import" : undefined;
}

/** Functions that load modules behind the compiler's back. */
const LOADERS = new Set(["require", "createRequire"]);

/** Overloads share the comment of any one of them. */
function undocumentedExports(tree: SyntaxTree): Mention[] {
  const exported = tree.statements
    .filter((node) => modifiersOf(node).includes(SyntaxKind.ExportKeyword))
    .flatMap((node) => declaredNames(node).map((name) => ({ name, node })));
  const documented = new Set(
    exported.filter(({ node }) => (node.jsDoc?.length ?? 0) > 0).map(({ name }) => name),
  );
  return exported
    .filter(({ name }) => !documented.has(name))
    .map(({ name, node }) => at(tree, node.end, name));
}

function modifiersOf(node: Statement): SyntaxKind[] {
  const { modifiers } = node as { modifiers?: Iterable<Node> };
  return [...(modifiers ?? [])].map(({ kind }) => kind);
}

function declaredNames(node: Statement): string[] {
  if (isVariableStatement(node)) {
    return [...node.declarationList.declarations].map(({ name }) => name.getText());
  }
  const { name } = node as { name?: Node };
  return [name?.getText() ?? "default"];
}
