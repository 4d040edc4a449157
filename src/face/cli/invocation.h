#pragma once

#include <string>
#include <vector>

#include "face/cli/arguments.h"
#include "face/cli/error_text.h"
#include "face/cli/output.h"
#include "service/config/key.h"
#include "service/exit_code.h"
#include "service/health/health.h"
#include "system/file.h"

namespace perdure::face {

/// One command being carried out: what was asked, where to talk, and the summary that grows.
class Invocation {
public:
    Invocation(Arguments arguments, Output& out, std::stop_token stop);

    Arguments const& arguments() const { return arguments_; }
    Output& out() { return out_; }
    std::stop_token stop() const { return stop_; }
    /// --config, or PERDURE_CONFIG, or perdure.toml here or in a folder above, or
    /// /etc/perdure/perdure.toml; else perdure.toml here.
    system::Path config_file() const;
    /// Asks at the terminal, unless --no-input forbids it; `without`: what to do where nobody can
    /// be asked.
    service::AskSecret ask_secret(
        std::string without = "use key = { file = … }, { env = … } or { credential = … }") const;

    /// Fields of the final {"type":"summary"}.
    JsonObject& summary() { return summary_; }
    /// Names what was passed over; makes the run partial. At most 1,000 are listed.
    /// `word` says what became of them: "skipped", "lost".
    void problems(std::vector<data::Problem> const& problems, std::string_view word = "skipped");
    /// Names one, and makes a run that would end with 0 end with 3.
    void pass_over(data::Problem const& problem) {
        passed_over_ = true;
        problems({problem});
    }
    /// Prints what was looked at. Bad ones become errors of the summary; true when there is none.
    bool checks(std::vector<service::Check> const& checks);
    bool passed_over() const { return passed_over_; }
    void add_error(Error const& error);
    JsonArray const& errors() const { return errors_; }

private:
    Arguments arguments_;
    Output& out_;
    std::stop_token stop_;
    JsonObject summary_;
    JsonArray errors_;
    std::size_t problems_listed_ = 0;
    bool passed_over_ = false;
};

}  // namespace perdure::face
