#include "base/result.h"

#include <cstdio>
#include <cstdlib>

namespace perdure {

std::string_view fault_name(Fault fault) {
    switch (fault) {
        case Fault::not_found:
            return "not found";
        case Fault::invalid:
            return "invalid";
        case Fault::conflict:
            return "conflict";
        case Fault::denied:
            return "denied";
        case Fault::unavailable:
            return "unavailable";
        case Fault::corrupt:
            return "corrupt";
        case Fault::exhausted:
            return "exhausted";
        case Fault::cancelled:
            return "cancelled";
        case Fault::unsupported:
            return "unsupported";
        case Fault::internal:
            return "internal";
    }
    return "unknown";
}

Error Error::within(std::string_view context) && {
    message_ = std::string(context) + ": " + message_;
    return std::move(*this);
}

Error Error::with_code(int code) && {
    code_ = code;
    return std::move(*this);
}

Error Error::with_fix(std::string fix) && {
    fix_ = std::move(fix);
    return std::move(*this);
}

void invariant_broken(char const* what, char const* file, int line) {
    std::fprintf(stderr, "perdure: broken invariant: %s (%s:%d)\n", what, file, line);
    std::abort();
}

}  // namespace perdure
