/** What the command ends with (CLI.md): 0 done, 1 refused or failed, 2 usage, 3 central not reachable, 4 vault locked. */
export type ExitCode = 0 | 1 | 2 | 3 | 4;
