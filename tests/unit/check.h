/* cmocka with the headers it wants before it. */
#ifndef MXT_TESTS_CHECK_H
#define MXT_TESTS_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#endif
