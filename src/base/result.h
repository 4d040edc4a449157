#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace perdure {

/// What went wrong, in the few kinds that let a caller decide what to do next.
enum class Fault {
    not_found,    ///< the named thing does not exist
    invalid,      ///< the request or its input is wrong; repeating it will not help
    conflict,     ///< it exists already, or somebody else was first
    denied,       ///< a key, permission or confirmation is missing
    unavailable,  ///< the outside did not answer; a retry may help
    corrupt,      ///< stored data is not what was written
    exhausted,    ///< a limit, disk or quota is full
    cancelled,    ///< a stop was asked for
    unsupported,  ///< a format, feature or platform we do not handle
    internal,     ///< a bug of ours
};

std::string_view fault_name(Fault fault);

/// A failure as a value. `code` is the number a user sees (PD-0013), 0 where none is assigned yet.
/// `fix` says what to do about it and may be empty. Never holds secrets.
class Error {
public:
    Error(Fault fault, std::string message) : fault_(fault), message_(std::move(message)) {}

    Fault fault() const { return fault_; }
    std::string const& message() const { return message_; }
    std::string const& fix() const { return fix_; }
    int code() const { return code_; }

    /// Puts what was being done in front: `within("reading pack 3f…")` → "reading pack 3f…:
    /// message".
    Error within(std::string_view context) &&;
    Error with_code(int code) &&;
    Error with_fix(std::string fix) &&;

private:
    Fault fault_;
    int code_ = 0;
    std::string message_;
    std::string fix_;
};

/// A value, or the Error that stood in its way.
template <typename T>
class [[nodiscard]] Result : public std::expected<T, Error> {
public:
    using std::expected<T, Error>::expected;
    Result() = default;
    Result(Error error) : std::expected<T, Error>(std::unexpect, std::move(error)) {}
};

inline Error fail(Fault fault, std::string message) {
    return Error(fault, std::move(message));
}

/// Prints the broken invariant and aborts, in release builds too.
[[noreturn]] void invariant_broken(char const* what, char const* file, int line);

}  // namespace perdure

#define PD_JOIN_(a, b) a##b
#define PD_JOIN(a, b) PD_JOIN_(a, b)

/// Declares `declaration` from a Result, or returns its error from this function.
/// The expression may hold commas.
#define PD_TRY(declaration, ...)                                                   \
    auto PD_JOIN(pd_result_, __LINE__) = (__VA_ARGS__);                            \
    if (!PD_JOIN(pd_result_, __LINE__))                                            \
        return ::perdure::Error(std::move(PD_JOIN(pd_result_, __LINE__)).error()); \
    declaration = std::move(*PD_JOIN(pd_result_, __LINE__))

/// The same for a Result<void>.
#define PD_CHECK(...)                                                          \
    do {                                                                       \
        auto pd_result = (__VA_ARGS__);                                        \
        if (!pd_result) return ::perdure::Error(std::move(pd_result).error()); \
    } while (false)

/// Aborts when an invariant of the program itself does not hold; never for outside input.
#define PD_ASSERT(condition)                                                           \
    do {                                                                               \
        if (!(condition)) ::perdure::invariant_broken(#condition, __FILE__, __LINE__); \
    } while (false)
