/** Exit statuses of the program (CONTRACT: Command line). */

/**
 * 0 well; 1 failed; 2 wrong usage or invalid configuration; 3 this host is not fit; 4 handed over, and the service manager is
 * to start the next one.
 */
export const ExitStatus = { OK: 0, FAILED: 1, USAGE: 2, HOST_NOT_FIT: 3, HANDED_OVER: 4 } as const;
