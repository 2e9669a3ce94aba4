// A log that asks a witness for cosignatures, made of others' libraries alone: trees and proofs of golang.org/x/mod,
// cosignatures as github.com/transparency-dev/formats reads them. It knows nothing of closeout.
package main

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"os"

	"filippo.io/torchwood"
	fnote "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const origin = "closeout.example/log"

func main() {
	if err := tell(os.Args[1], os.Args[2]); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

// tell sends heads to the witness at this address, as they should and as they should not be.
func tell(address, witness string) error {
	signer, err := logKey()
	if err != nil {
		return err
	}
	verifier, err := fnote.NewVerifierForCosignatureV1(witness)
	if err != nil {
		return err
	}
	ours, forked := &tree{}, &tree{}
	for n := 0; n < 40; n++ {
		ours.add(fmt.Sprintf("entry %d", n))
		forked.add(fmt.Sprintf("entry %d", n+n/5))
	}
	steps := []struct {
		tree     *tree
		old, new int64
		status   int
	}{
		{ours, 0, 1, 200}, {ours, 1, 7, 200}, {ours, 7, 7, 200}, {ours, 0, 20, 409}, {ours, 6, 20, 409},
		{forked, 7, 20, 422}, {ours, 7, 20, 200}, {forked, 20, 20, 422}, {ours, 20, 40, 200},
	}
	for _, step := range steps {
		head, body, err := step.tree.request(signer, step.old, step.new)
		if err != nil {
			return err
		}
		reply, err := http.Post(address+"/add-checkpoint", "text/plain", bytes.NewReader(body))
		if err != nil {
			return err
		}
		answer, err := io.ReadAll(reply.Body)
		reply.Body.Close()
		if err != nil {
			return err
		}
		if reply.StatusCode != step.status {
			return fmt.Errorf("from %d to %d: %d instead of %d", step.old, step.new, reply.StatusCode, step.status)
		}
		if step.status == 409 && reply.Header.Get("Content-Type") != "text/x.tlog.size" {
			return fmt.Errorf("a conflict without its content type")
		}
		if step.status == 200 {
			if _, err := note.Open(append(head, answer...), note.VerifierList(verifier)); err != nil {
				return fmt.Errorf("from %d to %d: %w", step.old, step.new, err)
			}
		}
		fmt.Printf("%d %d %d\n", step.old, step.new, step.status)
	}
	return nil
}

func logKey() (note.Signer, error) {
	seed := make([]byte, ed25519.SeedSize)
	for n := range seed {
		seed[n] = byte(n)
	}
	public, err := note.NewEd25519VerifierKey(origin, ed25519.NewKeyFromSeed(seed).Public().(ed25519.PublicKey))
	if err != nil {
		return nil, err
	}
	verifier, err := note.NewVerifier(public)
	if err != nil {
		return nil, err
	}
	private := base64.StdEncoding.EncodeToString(append([]byte{1}, seed...))
	return note.NewSigner(fmt.Sprintf("PRIVATE+KEY+%s+%08x+%s", origin, verifier.KeyHash(), private))
}

type tree struct {
	size   int64
	hashes []tlog.Hash
}

func (t *tree) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	found := make([]tlog.Hash, len(indexes))
	for n, index := range indexes {
		found[n] = t.hashes[index]
	}
	return found, nil
}

func (t *tree) add(entry string) {
	more, err := tlog.StoredHashes(t.size, []byte(entry), t)
	if err != nil {
		panic(err)
	}
	t.hashes, t.size = append(t.hashes, more...), t.size+1
}

// request makes a head of this size and the body that asks to cosign it, with a proof from the old one.
func (t *tree) request(signer note.Signer, old, size int64) (head, body []byte, err error) {
	root, err := tlog.TreeHash(size, t)
	if err != nil {
		return nil, nil, err
	}
	checkpoint := torchwood.Checkpoint{Origin: origin, Tree: tlog.Tree{N: size, Hash: root}}
	if head, err = note.Sign(&note.Note{Text: checkpoint.String()}, signer); err != nil {
		return nil, nil, err
	}
	lines := bytes.NewBufferString(fmt.Sprintf("old %d\n", old))
	if 0 < old && old < size {
		proof, err := tlog.ProveTree(size, old, t)
		if err != nil {
			return nil, nil, err
		}
		for _, hash := range proof {
			fmt.Fprintln(lines, hash.String())
		}
	}
	fmt.Fprintln(lines)
	lines.Write(head)
	return head, lines.Bytes(), nil
}
