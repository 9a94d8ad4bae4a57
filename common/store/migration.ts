import type { Row, StoreSchema } from './engine.js';

/** One row carried from schema version `from` to the schema's own; null drops it. */
export type MigrateRow = (row: Row) => Row | null;

/** Chains the steps from version `from`. Throws when a step is missing or leaves a row in no table: defects. */
export const migrationFrom = (schema: StoreSchema, from: number): MigrateRow => {
  const steps = Array.from({ length: schema.version - from }, (_, index) => {
    const to = from + index + 1;
    const step = schema.migrations.find((migration) => migration.to === to);
    if (!step) throw new Error(`schema ${schema.name} has no migration to version ${to}`);
    return step;
  });
  return (original) => {
    let row: Row | null = original;
    for (const step of steps) row = row && step.migrate(row);
    if (row && !schema.tables.includes(row.table)) {
      throw new Error(`schema ${schema.name}: a row of ${original.table} is left in ${row.table}`);
    }
    return row;
  };
};
