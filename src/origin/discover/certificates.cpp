#include "origin/discover/certificates.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <algorithm>
#include <ctime>
#include <memory>

namespace perdure::origin {

namespace {

template <auto Free>
struct Release {
    template <typename T>
    void operator()(T* object) const {
        Free(object);
    }
};
using Bio = std::unique_ptr<BIO, Release<BIO_free_all>>;
using X509Handle = std::unique_ptr<X509, Release<X509_free>>;
using KeyHandle = std::unique_ptr<EVP_PKEY, Release<EVP_PKEY_free>>;

Bio open_bytes(ByteView content) {
    return Bio(BIO_new_mem_buf(content.data(), static_cast<int>(content.size())));
}

/// Never asks anybody for a passphrase.
int no_passphrase(char*, int, int, void*) {
    return -1;
}

Bytes public_key_of(EVP_PKEY* key) {
    unsigned char* raw = nullptr;
    int const count = i2d_PUBKEY(key, &raw);
    if (count <= 0) return {};
    Bytes bytes(reinterpret_cast<std::byte*>(raw), reinterpret_cast<std::byte*>(raw) + count);
    OPENSSL_free(raw);
    return bytes;
}

std::string text_of(X509_NAME* name) {
    Bio const out(BIO_new(BIO_s_mem()));
    X509_NAME_print_ex(out.get(), name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
    char* data = nullptr;
    auto const count = BIO_get_mem_data(out.get(), &data);
    return {data, static_cast<std::size_t>(std::max<long>(count, 0))};
}

Timestamp time_of(ASN1_TIME const* time) {
    std::tm parts{};
    if (ASN1_TIME_to_tm(time, &parts) != 1) return {};
    return {timegm(&parts), 0};
}

X509Handle read_certificate(ByteView content) {
    if (as_text(content).find("-----BEGIN") != std::string_view::npos) {
        return X509Handle(
            PEM_read_bio_X509(open_bytes(content).get(), nullptr, no_passphrase, nullptr));
    }
    return X509Handle(d2i_X509_bio(open_bytes(content).get(), nullptr));
}

}  // namespace

bool CertificateSearch::look_at(system::Path const& path, ByteView content) {
    std::string_view const text = as_text(content);
    bool const has_key = text.find("PRIVATE KEY-----") != text.npos;
    if (has_key) {
        KeyHandle const key(
            PEM_read_bio_PrivateKey(open_bytes(content).get(), nullptr, no_passphrase, nullptr));
        keys_.push_back({path, key ? public_key_of(key.get()) : Bytes()});
    }
    X509Handle const certificate = read_certificate(content);
    if (!certificate) return has_key;
    Certificate entry;
    entry.found.path = path;
    entry.found.subject = text_of(X509_get_subject_name(certificate.get()));
    entry.found.issuer = text_of(X509_get_issuer_name(certificate.get()));
    entry.found.not_before = time_of(X509_get0_notBefore(certificate.get()));
    entry.found.not_after = time_of(X509_get0_notAfter(certificate.get()));
    if (EVP_PKEY* const key = X509_get0_pubkey(certificate.get())) {
        entry.public_key = public_key_of(key);
    }
    certificates_.push_back(std::move(entry));
    return true;
}

std::vector<FoundCertificate> CertificateSearch::finish(Timestamp now) {
    constexpr std::chrono::days soon{30};
    std::vector<FoundCertificate> found;
    for (auto& [certificate, public_key] : certificates_) {
        auto const key = std::ranges::find_if(keys_, [&](Key const& candidate) {
            return !candidate.public_key.empty() && candidate.public_key == public_key;
        });
        if (key != keys_.end()) certificate.key = key->path;
        std::string const day = to_rfc3339(certificate.not_after).substr(0, 10);
        if (certificate.not_after < now) {
            certificate.trouble = "expired on " + day;
        } else if (certificate.not_after - now < soon) {
            certificate.trouble = "expires on " + day;
        } else if (now < certificate.not_before) {
            certificate.trouble = "not valid yet";
        }
        if (certificate.key.empty()) {
            certificate.trouble += certificate.trouble.empty() ? "" : "; ";
            certificate.trouble += "no matching private key was found";
        }
        found.push_back(std::move(certificate));
    }
    return found;
}

}  // namespace perdure::origin
