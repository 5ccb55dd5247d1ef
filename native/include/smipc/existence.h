/* What opening a named object does about one that is there already, or is not,
 * and what becomes of its name: for semaphores, shared memory and message queues. */
#ifndef SMIPC_EXISTENCE_H
#define SMIPC_EXISTENCE_H

#include "../smipc.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SMIPC_RAISE_IF_NOT_EXISTS 0 /* open an existing one; else SMIPC_E_NOT_FOUND */
#define SMIPC_RAISE_IF_EXISTS 1     /* create a new one; else SMIPC_E_EXISTS */
#define SMIPC_LINK_OR_CREATE 2      /* open an existing one, else create it */
#define SMIPC_UNLINK_AND_CREATE 3   /* remove the name of an existing one, and create a new one */

#define SMIPC_UNLINK_IF_CREATED 0 /* freeing the handle that created it removes the name */
#define SMIPC_UNLINK_NEVER 1      /* the object stays until it is unlinked */
#define SMIPC_UNLINK_ALWAYS 2     /* freeing the handle removes the name */

/* Set by smipc_object_options_init, then changed field by field. */
typedef struct smipc_object_options {
  uint32_t struct_size; /* sizeof(smipc_object_options), set by init */
  uint32_t existence;   /* SMIPC_RAISE_IF_NOT_EXISTS */
  uint32_t unlink;      /* SMIPC_UNLINK_IF_CREATED */
  uint32_t access;      /* SMIPC_ACCESS_USER; counts at creation */
} smipc_object_options;

SMIPC_API void smipc_object_options_init(smipc_object_options *options);

#ifdef __cplusplus
}
#endif

#endif
