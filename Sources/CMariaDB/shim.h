#pragma once
#include <mysql.h>
#include <errmsg.h>

// mysql_options takes `const void *`; these give each kind of argument a type.
static inline int cmariadb_option_uint(MYSQL *mysql, enum mysql_option option, unsigned int value) {
    return mysql_options(mysql, option, &value);
}
static inline int cmariadb_option_bool(MYSQL *mysql, enum mysql_option option, my_bool value) {
    return mysql_options(mysql, option, &value);
}
static inline int cmariadb_option_string(MYSQL *mysql, enum mysql_option option, const char *value) {
    return mysql_options(mysql, option, value);
}
