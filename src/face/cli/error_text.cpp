#include "face/cli/error_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "service/exit_code.h"

namespace perdure::face {
namespace {

/// "reading x: reading x: why" → "reading x: why": two floors may have said the same.
std::string without_echo(std::string message) {
    for (auto at = message.find(": "); at != std::string::npos; at = message.find(": ", at + 2)) {
        auto const said = message.substr(0, at + 2);
        while (message.compare(at + 2, said.size(), said) == 0) message.erase(0, said.size());
    }
    return message;
}

bool is_full(std::string const& message) {
    return message.ends_with("No space left on device") || message.ends_with("Disk quota exceeded");
}

/// What to do about a refusal of the operating system that nobody above had advice for.
std::string fix_of_refusal(std::string const& message) {
    struct Refusal {
        std::string_view ending, fix;
    };
    constexpr std::array refusals{
        Refusal{"No such file or directory", "check the path; a relative one starts where you are"},
        Refusal{"Not a directory", "a part of the path is no folder: correct it"},
        Refusal{"Is a directory", "name a file, not a folder"},
        Refusal{"Read-only file system", "choose a place that can be written to"},
        Refusal{"Too many open files", "allow more: ulimit -n 1024"},
        Refusal{"File name too long", "choose a shorter name"},
    };
    auto const found = std::ranges::find_if(
        refusals, [&](Refusal const& one) { return message.ends_with(one.ending); });
    return found == refusals.end() ? std::string() : std::string(found->fix);
}

}  // namespace

ErrorText explain(Error const& error) {
    ErrorText out;
    int const code = service::code_of(error);
    out.code = fmt::format("PD-{:04}", code);
    std::string const message = without_echo(error.message());
    out.fix = error.fix();
    if (out.fix.empty() && error.code() == 0) out.fix = fix_of_refusal(message);
    if (out.fix.empty()) out.fix = service::usual_fix(code, error.fault());
    if (error.fault() == Fault::exhausted && is_full(message)) {
        // What was being done matters less than that the disk is full.
        out.headline = "no space is left";
        out.why = message;
        if (error.fix().empty()) out.fix = "make room there, then repeat the command";
        return out;
    }
    if (auto const line = message.find('\n'); line != std::string::npos) {
        out.headline = message.substr(0, line);
        out.why = message.substr(line + 1);
        while (out.why.ends_with('\n')) out.why.pop_back();
    } else if (auto const colon = message.find(": "); colon != std::string::npos) {
        out.headline = message.substr(0, colon);
        out.why = message.substr(colon + 2);
    } else {
        out.headline = message;
    }
    return out;
}

JsonObject error_object(Error const& error) {
    auto const text = explain(error);
    JsonObject out;
    out.put("code", text.code).put("fault", fault_name(error.fault()));
    out.put("message", text.headline);
    if (!text.why.empty()) out.put("why", text.why);
    if (!text.fix.empty()) out.put("fix", text.fix);
    return out;
}

}  // namespace perdure::face
