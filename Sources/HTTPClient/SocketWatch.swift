import CCurl
import CEpoll
import Glibc

/// Waits for many sockets at once, by epoll. Used by one thread.
final class SocketWatch {
    private let descriptor: Int32
    private let wake: Int32
    private var watched: Set<Int32> = []
    private var ready = [epoll_event](repeating: epoll_event(), count: 64)

    /// nil if the system has no descriptors.
    /// - Parameter wake: an eventfd, which the caller owns; one that has been written to ends the wait.
    init?(wake: Int32) {
        descriptor = epoll_create1(Int32(EPOLL_CLOEXEC))
        self.wake = wake
        guard descriptor >= 0, control(EPOLL_CTL_ADD, wake, EPOLLIN.rawValue) else { return nil }
    }

    deinit {
        if descriptor >= 0 { close(descriptor) }
    }

    /// - Parameter events: `CURL_POLL_IN`, `CURL_POLL_OUT`, `CURL_POLL_INOUT` or `CURL_POLL_REMOVE`.
    func watch(_ socket: Int32, for events: Int32) {
        guard events != CURL_POLL_REMOVE else {
            if watched.remove(socket) != nil { _ = control(EPOLL_CTL_DEL, socket, 0) }
            return
        }
        var mask: UInt32 = 0
        if events & CURL_POLL_IN != 0 { mask |= EPOLLIN.rawValue }
        if events & CURL_POLL_OUT != 0 { mask |= EPOLLOUT.rawValue }
        _ = control(watched.insert(socket).inserted ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, socket, mask)
    }

    /// Waits for so many milliseconds at most.
    /// - Returns: the sockets that are ready, and what for, as libcurl wants it.
    func wait(milliseconds: Int) -> [(socket: Int32, events: Int32)] {
        let count = epoll_wait(descriptor, &ready, Int32(ready.count), Int32(milliseconds))
        var sockets: [(Int32, Int32)] = []
        for event in ready.prefix(Int(max(0, count))) {
            guard event.data.fd != wake else {
                var value: eventfd_t = 0
                eventfd_read(wake, &value)
                continue
            }
            var events: Int32 = 0
            if event.events & EPOLLIN.rawValue != 0 { events |= CURL_CSELECT_IN }
            if event.events & EPOLLOUT.rawValue != 0 { events |= CURL_CSELECT_OUT }
            if event.events & (EPOLLERR.rawValue | EPOLLHUP.rawValue) != 0 { events |= CURL_CSELECT_ERR }
            sockets.append((event.data.fd, events))
        }
        return sockets
    }

    private func control(_ operation: Int32, _ socket: Int32, _ mask: UInt32) -> Bool {
        var event = epoll_event(events: mask, data: epoll_data_t(fd: socket))
        return epoll_ctl(descriptor, operation, socket, &event) == 0
    }
}
