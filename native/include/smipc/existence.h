/* What opening a named object does about one that is there already, or is not:
 * for semaphores, shared memory and message queues. */
#ifndef SMIPC_EXISTENCE_H
#define SMIPC_EXISTENCE_H

#define SMIPC_RAISE_IF_NOT_EXISTS 0 /* open an existing one; else SMIPC_E_NOT_FOUND */
#define SMIPC_RAISE_IF_EXISTS 1     /* create a new one; else SMIPC_E_EXISTS */
#define SMIPC_LINK_OR_CREATE 2      /* open an existing one, else create it */
#define SMIPC_UNLINK_AND_CREATE 3   /* remove the name of an existing one, and create a new one */

#endif
