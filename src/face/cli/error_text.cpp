#include "face/cli/error_text.h"

#include <fmt/format.h>

#include "service/exit_code.h"

namespace perdure::face {

ErrorText explain(Error const& error) {
    ErrorText out;
    int const code = service::code_of(error);
    out.code = fmt::format("PD-{:04}", code);
    out.fix = error.fix().empty() ? std::string(service::usual_fix(code)) : error.fix();
    std::string const& message = error.message();
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
