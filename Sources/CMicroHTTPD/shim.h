#pragma once
#include <malloc.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <microhttpd.h>

// Swift calls no C variadics: each use gets a name, and forwards only.

static inline struct MHD_Daemon *cmhd_start(unsigned int flags, MHD_AccessHandlerCallback handler, void *context,
                                            struct MHD_OptionItem *options) {
    return MHD_start_daemon(flags, 0, NULL, NULL, handler, context, MHD_OPTION_ARRAY, options, MHD_OPTION_END);
}

static inline void *cmhd_socket_context(struct MHD_Connection *connection) {
    return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

static inline int cmhd_socket(struct MHD_Connection *connection) {
    return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
}

/// Bytes of the header from its first to the end of its empty line.
static inline size_t cmhd_header_size(struct MHD_Connection *connection) {
    return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE)->header_size;
}

static inline const struct sockaddr *cmhd_client_address(struct MHD_Connection *connection) {
    return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr;
}

static inline enum MHD_Result cmhd_upgrade_close(struct MHD_UpgradeResponseHandle *handle) {
    return MHD_upgrade_action(handle, MHD_UPGRADE_ACTION_CLOSE);
}

/// Suspends the connection and gives it a timeout of its own, other than the daemon's.
///
/// A connection is suspended while it is marked as reading. Once resumed, an epoll loop of libmicrohttpd 0.9.75 reads from
/// it first, and closes it at the end of the stream, unanswered: so a client that has only stopped sending gets nothing.
/// But before that, the loop lets all connections with a timeout of their own proceed without reading: they are answered.
static inline void cmhd_suspend(struct MHD_Connection *connection, unsigned int timeout) {
    MHD_set_connection_option(connection, MHD_CONNECTION_OPTION_TIMEOUT, timeout);
    MHD_suspend_connection(connection);
}

/// Gives the connection a timeout, in seconds.
static inline void cmhd_set_timeout(struct MHD_Connection *connection, unsigned int timeout) {
    MHD_set_connection_option(connection, MHD_CONNECTION_OPTION_TIMEOUT, timeout);
}
