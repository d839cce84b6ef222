// The JSON schema (draft 2020-12) of a topology file, for editors: made from the table that the reader works on.
#ifndef SUPERVISOR_SCHEMA_H
#define SUPERVISOR_SCHEMA_H

#include <jansson.h>

json_t *schema_json(void); // the caller's; NULL without memory

#endif
