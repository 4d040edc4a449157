#include "service/config/key.h"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <thread>

#include "repository/keyring/keyring.h"
#include "repository/keyring/phrase.h"
#include "service/config/units.h"
#include "system/process.h"

namespace perdure::service {
namespace {

constexpr std::uint64_t secret_bytes_max = 64 * 1024;
constexpr int code_key_material = 203;

Error no_key(Fault fault, std::string message, std::string fix) {
    return fail(fault, std::move(message)).with_code(code_key_material).with_fix(std::move(fix));
}

Result<Bytes> from_file(system::Path const& path, std::string const& what) {
    auto raw = system::read_file(path, secret_bytes_max);
    if (raw) return std::move(*raw);
    auto const fault = raw.error().fault();
    if (fault == Fault::not_found) {
        return no_key(fault, "the " + what + " " + path.string() + " does not exist",
                      "put the key there, or correct [repository.…].key");
    }
    return no_key(fault, "the " + what + " cannot be read\n" + raw.error().message(),
                  "let this user read " + path.string());
}

Result<Bytes> from_environment(std::string const& name) {
    char const* value = std::getenv(name.c_str());
    if (value) return to_bytes(std::string_view(value));
    return no_key(Fault::not_found, "the environment variable " + name + " is not set",
                  "export " + name + "=…");
}

Result<Bytes> from_credential(std::string const& name) {
    char const* folder = std::getenv("CREDENTIALS_DIRECTORY");
    if (!folder) {
        return no_key(Fault::not_found, "no systemd credentials here (CREDENTIALS_DIRECTORY)",
                      "run under a unit with LoadCredential=" + name + ":/path");
    }
    if (name.contains('/') || name == "..") {
        return no_key(Fault::invalid, "a credential's name holds no '/'", "");
    }
    return from_file(system::Path(folder) / name, "credential");
}

/// Stops what it was given to once the time is over, or when `outer` stops.
class TimeLimit {
public:
    TimeLimit(std::chrono::milliseconds limit, std::stop_token const& outer)
        : on_outer_(outer, [this] { source_.request_stop(); }),
          watch_([this, limit](std::stop_token const& done) {
              std::mutex mutex;
              std::unique_lock lock(mutex);
              never_.wait_for(lock, done, limit, [] { return false; });
              if (!done.stop_requested()) source_.request_stop();
          }) {}
    std::stop_token token() const { return source_.get_token(); }

private:
    std::stop_source source_;
    std::stop_callback<std::function<void()>> on_outer_;
    std::condition_variable_any never_;
    std::jthread watch_;
};

/// What it prints on its error output stays unsaid: a program that traces itself shows the secret
/// there, and errors go into the log of runs.
Result<Bytes> from_command(KeyReference const& reference, std::stop_token stop) {
    Bytes out;
    auto const name = "the key command " + reference.argv.front();
    auto const collect = [&](ByteView bytes) -> Result<void> {
        if (out.size() + bytes.size() > secret_bytes_max) {
            return no_key(Fault::exhausted, name + " printed more than 64 KiB",
                          "let it print the secret and nothing else");
        }
        append(out, bytes);
        return {};
    };
    TimeLimit const limit(reference.limit, stop);
    auto const exit = system::run({.argv = reference.argv}, collect, limit.token());
    if (!exit) {
        crypto::wipe(ByteSpan(out));
        auto const& error = exit.error();
        if (error.code() == code_key_material || stop.stop_requested()) return error;
        if (error.fault() == Fault::cancelled) {
            return no_key(
                Fault::unavailable, name + " did not end within " + spell_duration(reference.limit),
                "run it by hand: it may wait for somebody; or give it longer with timeout = …");
        }
        return no_key(error.fault(), name + " cannot be run\n" + error.message(),
                      "correct [repository.…].key");
    }
    if (exit->status != 0) {
        crypto::wipe(ByteSpan(out));
        return no_key(Fault::unavailable,
                      name + " ended with status " + std::to_string(exit->status),
                      "run it by hand and see what it says");
    }
    if (out.empty()) {
        return no_key(Fault::invalid, name + " printed nothing",
                      "run it by hand: the secret belongs on its standard output");
    }
    return out;
}

/// The phrase on its line of a recovery kit, or the phrase alone.
Result<Bytes> phrase_in(Bytes const& kit) {
    if (repository::parse_recovery_phrase(as_text(kit))) return kit;
    auto const lines = split_words(as_text(kit), '\n');
    for (auto const& line : lines) {
        if (repository::parse_recovery_phrase(line)) return to_bytes(std::string_view(line));
    }
    for (auto const& line : lines) {
        auto const look = repository::look_at_phrase(line);
        if (!look.is_meant()) continue;
        return no_key(Fault::invalid,
                      fmt::format("group {} of the recovery phrase is wrong", look.first_wrong),
                      "compare that group with the paper: eight groups of five characters");
    }
    return no_key(Fault::invalid, "no line of the recovery kit is a recovery phrase",
                  "compare it with the printed kit: eight groups of five characters");
}

Result<Bytes> fetch(KeyReference const& reference, AskSecret const& ask, std::stop_token stop) {
    using Way = KeyReference::Way;
    switch (reference.way) {
        case Way::file:
            return from_file(reference.value, "key file");
        case Way::environment:
            return from_environment(reference.value);
        case Way::credential:
            return from_credential(reference.value);
        case Way::command:
            return from_command(reference, stop);
        case Way::literal:
            return to_bytes(reference.value);
        case Way::none:
            break;
        case Way::prompt: {
            std::string const question =
                reference.value.empty() ? "Passphrase of the repository: " : reference.value + " ";
            PD_TRY(crypto::SecretBytes answer, ask(question));
            return to_bytes(answer.view());
        }
    }
    return no_key(Fault::invalid, "the configuration names no key",
                  "add: key = { file = \"perdure.key\" }");
}

}  // namespace

repository::KeySecret::Kind kind_of_secret(ByteView bytes) {
    using Kind = repository::KeySecret::Kind;
    std::string_view const text = as_text(bytes);
    if (text.starts_with("perdure-key")) return Kind::key_file;
    if (text.starts_with("perdure-recovery")) return Kind::recovery_phrase;
    if (repository::parse_recovery_phrase(text)) return Kind::recovery_phrase;
    // One with a typing error is no passphrase that happens not to fit.
    if (repository::look_at_phrase(text).is_meant()) return Kind::recovery_phrase;
    bool const printable = std::ranges::all_of(text, [](char c) {
        auto const byte = static_cast<unsigned char>(c);
        return byte >= 0x20 || c == '\n' || c == '\r' || c == '\t';
    });
    return printable ? Kind::passphrase : Kind::key_file;
}

Result<repository::KeySecret> load_key(KeyReference const& reference, AskSecret const& ask,
                                       std::stop_token stop) {
    PD_TRY(Bytes raw, fetch(reference, ask, stop));
    repository::KeySecret out;
    out.kind = kind_of_secret(raw);
    out.from_command = reference.way == KeyReference::Way::command;
    if (out.kind == repository::KeySecret::Kind::recovery_phrase) {
        PD_TRY(raw, phrase_in(raw));
    }
    bool const text = out.kind == repository::KeySecret::Kind::passphrase ||
                      as_text(raw).starts_with("perdure-key");
    if (text && !raw.empty() && raw.back() == std::byte{'\n'}) raw.pop_back();
    if (text && !raw.empty() && raw.back() == std::byte{'\r'}) raw.pop_back();
    if (raw.empty()) {
        return no_key(Fault::invalid, "the key is empty", "check where [repository.…].key points");
    }
    out.bytes = crypto::SecretBytes(std::move(raw));
    return out;
}

}  // namespace perdure::service
