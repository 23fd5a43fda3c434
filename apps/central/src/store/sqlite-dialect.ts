import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";
import {
  type DatabaseConnection,
  type Dialect,
  SqliteAdapter,
  type SqliteDatabase,
  SqliteDriver,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from "kysely";
import { rememberStatements } from "./sqlite.ts";

/**
 * Lets kysely speak to node:sqlite.
 *
 * @param db an open database; closed when kysely is destroyed
 */
export function createSqliteDialect(db: DatabaseSync): Dialect {
  return {
    createAdapter: () => new TransactionalDdlAdapter(),
    createDriver: () => new RollbackOnceDriver(db),
    createIntrospector: (kysely) => new SqliteIntrospector(kysely),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  };
}

/**
 * SQLite's schema changes are part of their transaction (sqlite.org/lang_transaction.html); kysely leaves that unused. Without
 * it a kill in the middle of a migration would leave tables that no later start could get over (F1).
 */
class TransactionalDdlAdapter extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true;
  }
}

/** A full disk makes SQLite roll back by itself; a second ROLLBACK would fail and hide the reason from whoever has to act on it. */
class RollbackOnceDriver extends SqliteDriver {
  readonly #db: DatabaseSync;

  constructor(db: DatabaseSync) {
    super({ database: adaptDatabase(db) });
    this.#db = db;
  }

  override async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    if (this.#db.isTransaction) await super.rollbackTransaction(connection);
  }
}

/**
 * Statements are kept prepared: the same few dozen texts come again with every message. Rows are read as arrays and made objects of one shape here:
 * those that node:sqlite makes are dictionaries, which takes twice as long for a large fleet.
 */
function adaptDatabase(db: DatabaseSync): SqliteDatabase {
  const prepare = rememberStatements(db);
  const known = new WeakMap<StatementSync, readonly string[]>();
  const namesOf = (statement: StatementSync): readonly string[] => {
    const names = known.get(statement) ?? columnsOf(statement);
    known.set(statement, names);
    return names;
  };
  return {
    close: () => db.close(),
    prepare: (sql) => {
      const statement = prepare(sql);
      const names = namesOf(statement);
      return {
        reader: names.length > 0,
        all: (values) =>
          statement.all(...(values as SQLInputValue[])).map((row) => rowOf(names, row)),
        run: (values) => statement.run(...(values as SQLInputValue[])),
        // A half-read statement cannot be run again, so each reading by pieces has its own.
        iterate: (values) => iterateRows(db.prepare(sql), values as SQLInputValue[]),
      };
    },
  };
}

function columnsOf(statement: StatementSync): readonly string[] {
  statement.setReturnArrays(true);
  return statement.columns().map(({ name }) => name);
}

function* iterateRows(
  statement: StatementSync,
  values: readonly SQLInputValue[],
): Generator<Record<string, unknown>> {
  const names = columnsOf(statement);
  for (const row of statement.iterate(...values)) yield rowOf(names, row);
}

/** Typed as an object by Node, it is an array by `setReturnArrays`. */
function rowOf(names: readonly string[], values: unknown): Record<string, unknown> {
  const row: Record<string, unknown> = {};
  const list = values as readonly unknown[];
  for (let at = 0; at < names.length; at += 1) row[names[at] ?? ""] = list[at];
  return row;
}
