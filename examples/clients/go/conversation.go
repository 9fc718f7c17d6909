package main

import (
	"fmt"
	"iter"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	pb "example.com/pigeonhole-client/gen/pigeonhole/v1"
)

// A conversation is what a log has shown so far: the messages in their order, the task's state, and up to which sequence.
type conversation struct {
	sequence int64
	state    pb.TaskState
	messages []*pb.Message
}

// read applies what comes, up to an entry that passes the test or to the end.
func (c *conversation) read(updates iter.Seq2[*pb.TaskUpdate, error], until func(*pb.TaskUpdate) bool) error {
	for update, err := range updates {
		if err != nil {
			return err
		}
		if err := c.apply(update); err != nil {
			return err
		}
		if until(update) {
			break
		}
	}
	return nil
}

// apply adds what an entry of the log says, and prints it. Fails if the entry was there before.
func (c *conversation) apply(update *pb.TaskUpdate) error {
	if update.Sequence <= c.sequence {
		return fmt.Errorf("sequence %d came after %d", update.Sequence, c.sequence)
	}
	c.sequence = update.Sequence
	fmt.Printf("%4d  ", update.Sequence)
	switch entry := update.Entry.(type) {
	case *pb.TaskUpdate_Task:
		fmt.Println(entry.Task.State)
		c.state = entry.Task.State
	case *pb.TaskUpdate_Event:
		fmt.Println(entry.Event.State)
	case *pb.TaskUpdate_Message:
		fmt.Println(entry.Message.State, textOf(entry.Message))
		c.put(entry.Message)
	case *pb.TaskUpdate_Delta:
		part := entry.Delta.GetPart()
		fmt.Println("...", entry.Delta.GetAppendText()+part.GetText()+part.GetReasoning())
		c.grow(entry.Delta)
	case *pb.TaskUpdate_Superseded:
		fmt.Println("void:", entry.Superseded.Error.GetMessage())
		c.messages = slices.DeleteFunc(c.messages, func(message *pb.Message) bool {
			return slices.Contains(entry.Superseded.MessageIds, message.Id)
		})
	}
	return nil
}

// put adds a message, or says that one which its deltas have told is done.
func (c *conversation) put(message *pb.Message) {
	at := c.find(message.Id)
	if at < 0 {
		c.messages = append(c.messages, message)
		return
	}
	if len(message.Parts) == 0 {
		message.Parts = c.messages[at].Parts
	}
	c.messages[at] = message
}

func (c *conversation) grow(delta *pb.Delta) {
	message := c.messages[c.find(delta.MessageId)]
	if part := delta.GetPart(); part != nil {
		message.Parts = append(message.Parts, part)
		return
	}
	switch content := message.Parts[delta.PartIndex].Content.(type) {
	case *pb.Part_Text:
		content.Text += delta.GetAppendText()
	case *pb.Part_Reasoning:
		content.Reasoning += delta.GetAppendText()
	}
}

func (c *conversation) find(id string) int {
	return slices.IndexFunc(c.messages, func(message *pb.Message) bool { return message.Id == id })
}

// mustBe fails unless the log has shown these messages and no others.
func (c *conversation) mustBe(messages []*pb.Message) error {
	if !slices.EqualFunc(c.messages, messages, func(a, b *pb.Message) bool {
		return a.Id == b.Id && a.State == b.State && slices.EqualFunc(a.Parts, b.Parts, equal)
	}) {
		return fmt.Errorf("the log has shown %v, but the conversation is %v", c.messages, messages)
	}
	return nil
}

func equal(a, b *pb.Part) bool {
	return proto.Equal(a, b)
}

func textOf(message *pb.Message) string {
	var text strings.Builder
	for _, part := range message.Parts {
		text.WriteString(part.GetText())
	}
	return text.String()
}
