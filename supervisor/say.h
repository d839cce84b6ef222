// What shmsup says to people: one line each, on standard error, and a live line that the others push up.
#ifndef SUPERVISOR_SAY_H
#define SUPERVISOR_SAY_H

// say prints "shmsup: [GROUP: ]message". group may be NULL.
void say(const char *group, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
// say_live shows `line` as the last line of the terminal until the next call; NULL takes it away. Only for a
// terminal.
void say_live(const char *line);

#endif
