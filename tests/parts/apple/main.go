// The way that iPhones take, made of others' libraries alone: identities by SCEP (micromdm/scep), check-ins and answers
// signed as NanoMDM's own tests sign them (nanomdm/test/protocol), and a stand-in for Apple's push on this machine. What
// a phone says is told by whoever drives it; it knows nothing of closeout.
package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/go-kit/kit/log"
	"github.com/micromdm/nanomdm/mdm"
	"github.com/micromdm/nanomdm/test/protocol"
	scepclient "github.com/micromdm/scep/v2/client"
	"github.com/micromdm/scep/v2/cryptoutil/x509util"
	"github.com/micromdm/scep/v2/depot"
	"github.com/micromdm/scep/v2/depot/file"
	"github.com/smallstep/scep"
)

const apple = "api.push.apple.com"

// Arguments: address of this program, of its push, URL of SCEP, its challenge, its depot, URL of the manager, and where
// to write the certificate that vouches for the push.
func main() {
	if err := run(os.Args[1], os.Args[2], os.Args[3], os.Args[4], os.Args[5], os.Args[6], os.Args[7]); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

func run(listen, push, scepURL, challenge, depot, manager, trust string) error {
	apns, err := newPush(trust)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", push)
	if err != nil {
		return err
	}
	go apns.proxy(listener)
	way := &way{scepURL: scepURL, challenge: challenge, depot: depot, manager: manager, phones: map[string]*phone{}}
	way.client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}, Timeout: 20 * time.Second}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /identity/{ref}", way.identify)
	mux.HandleFunc("POST /identities", way.identifyMany)
	mux.HandleFunc("POST /checkin/{ref}", way.checkin)
	mux.HandleFunc("POST /connect/{ref}", way.connect)
	mux.HandleFunc("POST /act", way.act)
	mux.HandleFunc("GET /pushed", apns.told)
	mux.HandleFunc("POST /unregister/{token}", apns.unregister)
	return http.ListenAndServe(listen, mux)
}

type phone struct {
	certificate *x509.Certificate
	key         crypto.PrivateKey
	transport   *protocol.Transport
}

type way struct {
	scepURL, challenge, depot, manager string
	client                             *http.Client
	lock                               sync.Mutex
	phones                             map[string]*phone
}

func (w *way) keep(ref string, certificate *x509.Certificate, key crypto.PrivateKey) {
	made := &phone{certificate: certificate, key: key}
	made.transport = protocol.NewTransport(
		protocol.WithSignMessage(),
		protocol.WithMDMURLs(w.manager, ""),
		protocol.WithClient(w.client),
		protocol.WithIdentityProvider(func(context.Context) (*x509.Certificate, crypto.PrivateKey, error) {
			return made.certificate, made.key, nil
		}),
	)
	w.lock.Lock()
	defer w.lock.Unlock()
	w.phones[ref] = made
}

func (w *way) phone(ref string) *phone {
	w.lock.Lock()
	defer w.lock.Unlock()
	return w.phones[ref]
}

func answer(out http.ResponseWriter, err error) {
	if err != nil {
		http.Error(out, err.Error(), http.StatusBadGateway)
	}
}

// identify has the SCEP server sign a key of this phone's own.
func (w *way) identify(out http.ResponseWriter, in *http.Request) {
	challenge := w.challenge
	if given := in.URL.Query().Get("challenge"); given != "" {
		challenge = given
	}
	ref := in.PathValue("ref")
	certificate, key, err := enrol(w.scepURL, challenge, ref)
	if err == nil {
		w.keep(ref, certificate, key)
	}
	answer(out, err)
}

func enrol(address, challenge, name string) (*x509.Certificate, crypto.PrivateKey, error) {
	logger := log.NewNopLogger()
	client, err := scepclient.New(address, logger)
	if err != nil {
		return nil, nil, err
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, nil, err
	}
	subject := pkix.Name{CommonName: name}
	request, err := x509util.CreateCertificateRequest(rand.Reader, &x509util.CertificateRequest{
		CertificateRequest: x509.CertificateRequest{Subject: subject, SignatureAlgorithm: x509.SHA256WithRSA},
		ChallengePassword:  challenge,
	}, key)
	if err != nil {
		return nil, nil, err
	}
	parsed, err := x509.ParseCertificateRequest(request)
	if err != nil {
		return nil, nil, err
	}
	self, err := selfSigned(subject, key)
	if err != nil {
		return nil, nil, err
	}
	ctx, end := context.WithTimeout(context.Background(), 20*time.Second)
	defer end()
	raw, _, err := client.GetCACert(ctx, "")
	if err != nil {
		return nil, nil, err
	}
	authorities, err := x509.ParseCertificates(raw)
	if err != nil {
		return nil, nil, err
	}
	template := &scep.PKIMessage{
		MessageType: scep.PKCSReq, Recipients: authorities, SignerKey: key, SignerCert: self,
		CSRReqMessage: &scep.CSRReqMessage{ChallengePassword: challenge},
	}
	message, err := scep.NewCSRRequest(parsed, template, scep.WithLogger(logger))
	if err != nil {
		return nil, nil, err
	}
	said, err := client.PKIOperation(ctx, message.Raw)
	if err != nil {
		return nil, nil, err
	}
	reply, err := scep.ParsePKIMessage(said, scep.WithLogger(logger), scep.WithCACerts(authorities))
	if err != nil {
		return nil, nil, err
	}
	if reply.PKIStatus != scep.SUCCESS {
		return nil, nil, fmt.Errorf("scep: %s %s", reply.PKIStatus, reply.FailInfo)
	}
	if err := reply.DecryptPKIEnvelope(self, key); err != nil {
		return nil, nil, err
	}
	return reply.CertRepMessage.Certificate, key, nil
}

func selfSigned(subject pkix.Name, key *rsa.PrivateKey) (*x509.Certificate, error) {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: subject, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
	}
	made, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(made)
}

// identifyMany signs with the authority's own key, since thousands of keys by SCEP would take minutes: {"phones": [ref]}.
func (w *way) identifyMany(out http.ResponseWriter, in *http.Request) {
	answer(out, func() error {
		var asked struct{ Phones []string }
		if err := json.NewDecoder(in.Body).Decode(&asked); err != nil {
			return err
		}
		kept, err := file.NewFileDepot(w.depot)
		if err != nil {
			return err
		}
		var authority depot.Depot = kept
		certificates, signer, err := authority.CA(nil)
		if err != nil {
			return err
		}
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return err
		}
		for n, ref := range asked.Phones {
			template := &x509.Certificate{
				SerialNumber: big.NewInt(int64(n) + 1_000_000), Subject: pkix.Name{CommonName: ref},
				NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
				KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
			}
			made, err := x509.CreateCertificate(rand.Reader, template, certificates[0], &key.PublicKey, signer)
			if err != nil {
				return err
			}
			certificate, err := x509.ParseCertificate(made)
			if err != nil {
				return err
			}
			w.keep(ref, certificate, key)
		}
		return nil
	}())
}

func (w *way) checkin(out http.ResponseWriter, in *http.Request) {
	w.pass(out, in, (*protocol.Transport).DoCheckIn)
}

func (w *way) connect(out http.ResponseWriter, in *http.Request) {
	w.pass(out, in, (*protocol.Transport).DoReportResultsAndFetchNext)
}

type sender func(*protocol.Transport, context.Context, io.Reader) (*http.Response, error)

// pass hands on what a phone says, signed, and back what the manager says. ?as=REF signs as another phone.
func (w *way) pass(out http.ResponseWriter, in *http.Request, send sender) {
	ref := in.PathValue("ref")
	if as := in.URL.Query().Get("as"); as != "" {
		ref = as
	}
	held := w.phone(ref)
	if held == nil {
		answer(out, errors.New("no such phone"))
		return
	}
	reply, err := send(held.transport, in.Context(), in.Body)
	if err != nil {
		answer(out, err)
		return
	}
	defer reply.Body.Close()
	out.WriteHeader(reply.StatusCode)
	io.Copy(out, reply.Body)
}

// act has phones take and answer all that waits: {"phones": [ref], "answers": {request type: property list}, "workers":
// n}. In an answer @PHONE@ and @COMMAND@ stand for whom and what it is about.
func (w *way) act(out http.ResponseWriter, in *http.Request) {
	var asked struct {
		Phones  []string
		Answers map[string]string
		Workers int
	}
	if err := json.NewDecoder(in.Body).Decode(&asked); err != nil {
		answer(out, err)
		return
	}
	refs, failed := make(chan string), make(chan error, len(asked.Phones))
	var working sync.WaitGroup
	for n := 0; n < max(1, asked.Workers); n++ {
		working.Add(1)
		go func() {
			defer working.Done()
			for ref := range refs {
				if err := w.actOne(ref, asked.Answers); err != nil {
					failed <- fmt.Errorf("%s: %w", ref, err)
				}
			}
		}()
	}
	for _, ref := range asked.Phones {
		refs <- ref
	}
	close(refs)
	working.Wait()
	close(failed)
	answer(out, <-failed)
}

func (w *way) actOne(ref string, answers map[string]string) error {
	held := w.phone(ref)
	if held == nil {
		return errors.New("no such phone")
	}
	kind, command := "Idle", ""
	for {
		said, there := answers[kind]
		if !there {
			return errors.New("no answer to " + kind)
		}
		said = strings.ReplaceAll(strings.ReplaceAll(said, "@PHONE@", ref), "@COMMAND@", command)
		reply, err := held.transport.DoReportResultsAndFetchNext(context.Background(), strings.NewReader(said))
		if err != nil {
			return err
		}
		raw, err := io.ReadAll(reply.Body)
		reply.Body.Close()
		if err != nil {
			return err
		}
		if reply.StatusCode != 200 {
			return errors.New(reply.Status)
		}
		if len(bytes.TrimSpace(raw)) == 0 {
			return nil
		}
		next, err := mdm.DecodeCommand(raw)
		if err != nil {
			return err
		}
		kind, command = next.Command.RequestType, next.CommandUUID
	}
}

// push stands in for Apple's: it takes what goes to its name through a proxy, and keeps which tokens were woken.
type push struct {
	identity tls.Certificate
	lock     sync.Mutex
	woken    []string
	gone     map[string]bool
}

func newPush(trust string) (*push, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: apple}, DNSNames: []string{apple},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), IsCA: true,
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	made, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	written := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: made})
	identity := tls.Certificate{Certificate: [][]byte{made}, PrivateKey: key}
	return &push{identity: identity, gone: map[string]bool{}}, os.WriteFile(trust, written, 0o644)
}

// proxy takes connections to Apple's name alone: nothing leaves this machine.
func (p *push) proxy(listener net.Listener) {
	inner := &handed{connections: make(chan net.Conn)}
	server := &http.Server{
		Handler: http.HandlerFunc(p.take),
		TLSConfig: &tls.Config{
			Certificates: []tls.Certificate{p.identity}, ClientAuth: tls.RequireAnyClientCert,
		},
	}
	go server.ServeTLS(inner, "", "")
	outer := &http.Server{Handler: http.HandlerFunc(func(out http.ResponseWriter, in *http.Request) {
		if in.Method != http.MethodConnect || in.Host != apple+":443" {
			http.Error(out, "only Apple's push", http.StatusForbidden)
			return
		}
		connection, buffered, err := http.NewResponseController(out).Hijack()
		if err != nil {
			return
		}
		fmt.Fprint(connection, "HTTP/1.1 200 Connected\r\n\r\n")
		inner.connections <- &readAhead{connection, buffered.Reader}
	})}
	outer.Serve(listener)
}

func (p *push) take(out http.ResponseWriter, in *http.Request) {
	token := strings.TrimPrefix(in.URL.Path, "/3/device/")
	p.lock.Lock()
	defer p.lock.Unlock()
	if p.gone[token] {
		out.WriteHeader(http.StatusGone)
		fmt.Fprint(out, `{"reason":"Unregistered","timestamp":1}`)
		return
	}
	p.woken = append(p.woken, token)
	out.Header().Set("apns-id", fmt.Sprintf("00000000-0000-4000-8000-%012d", len(p.woken)))
}

func (p *push) told(out http.ResponseWriter, _ *http.Request) {
	p.lock.Lock()
	defer p.lock.Unlock()
	json.NewEncoder(out).Encode(p.woken)
}

func (p *push) unregister(_ http.ResponseWriter, in *http.Request) {
	p.lock.Lock()
	defer p.lock.Unlock()
	p.gone[in.PathValue("token")] = true
}

// handed is a listener of connections that were accepted elsewhere.
type handed struct{ connections chan net.Conn }

func (h *handed) Accept() (net.Conn, error) { return <-h.connections, nil }
func (h *handed) Close() error              { return nil }
func (h *handed) Addr() net.Addr            { return &net.TCPAddr{} }

// readAhead is a connection of which something was read already.
type readAhead struct {
	net.Conn
	reader *bufio.Reader
}

func (r *readAhead) Read(into []byte) (int, error) { return r.reader.Read(into) }
